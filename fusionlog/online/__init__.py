"""One system at this moment: releases, teacher's labels, scores, candidate pool, decisions."""
