"""Points in curved spaces read: which geometry their distances have, and pictures of them."""
