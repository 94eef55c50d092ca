"""The three geometries of constant curvature, and distances embedded in them."""
