"""Record the logs of real servers while load is driven and faults are injected; standard library first."""
