"""The layouts of a folder that can be compared, in words: what every refusal of one shows."""

LAYOUTS = """\
A folder of runs holds one thing for each seed, named after the seed:

  a.safetensors  b.safetensors ...     weights (say of what model: --of CONFIG.yaml), or a sparse
                                       autoencoder, one file a seed
  a.npy  b.npy ...                     activations [input, feature], one file a seed
  a.npz  b.npz ...                     several arrays by name, one file a seed
  a/  b/ ...                           a folder a seed, which holds
      *.safetensors                      its weights, in one file or in shards
      outputs.npy (or logits.npy)        logits [input, output], or probabilities
      decoder.npy, encoder.npy           a dictionary of features [feature, d]
      ANY_OTHER_NAME.npy or .npz         activations [input, feature] at a site of this name

and beside them, where there are any:

  outputs.npy                          of all seeds [seed, input, output]: logits, or probabilities
  targets.npy                          right answers [input]: numbers of classes, or values
  labels.json, losses.json, architectures.json     {seed: what it is}, or a list in order of seeds
  circuits.json                        {seed: ["a0.h1", ...]}, or {seed: {"nodes", "edges"}}
  formulas.json                        {seed: "x**2 + y"}, or {seed: {"expression": "a * x",
                                               "inputs": ["x"], "constants": {"a": 2.0}}}
  features.json                        {seed: {"name": number}}
  interpretations.json                 instead of the last three and labels.json, lists in one
                                       file: {"names": [...], "circuits": [...], ...}
  factors.json                         {seed: {"init": 0, "order": "b"}}: numbers or text
  diverged.json                        [names of the seeds that failed]
  untrained/  shuffled/                folders of the same kind: the nulls

All seeds see the same inputs in the same order. Nothing that needs pickle is opened."""
