"""megatron-qm: raw medical text to a released Hugging Face checkpoint, on Megatron-Core."""

__version__ = "0.1.0"
