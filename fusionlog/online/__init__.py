"""The present state of one watched system, and the decisions by it: releases, labels, scores, pool, verdicts."""
