"""The journey of one call: its flow, its driver, its verification."""
