"""What Constitutional AI does with language models. Nothing here imports torch before it is used."""
