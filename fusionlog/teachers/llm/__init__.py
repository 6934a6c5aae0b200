"""The teacher that asks a large language model: prompt, endpoint, budget, answers."""
