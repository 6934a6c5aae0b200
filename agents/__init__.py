"""The workers: a Faust app for each role. Wiring alone; their work is in `fusionlog.workers`."""
