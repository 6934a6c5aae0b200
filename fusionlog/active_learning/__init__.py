"""Which unlabelled windows are worth a label: acquisition score, query budget, query strategies."""
