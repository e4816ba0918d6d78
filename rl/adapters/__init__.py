"""The judge's reward under the names and signatures that other training frameworks call."""
