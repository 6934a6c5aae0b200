"""The workers: a Faust app for each role. Wiring only; what they do is in `fusionlog`."""
