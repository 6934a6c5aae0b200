"""The LLM teacher: prompts, endpoint, budget, breaker, answers, cache."""
