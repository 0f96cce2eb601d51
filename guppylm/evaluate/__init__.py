"""Honest numbers: what a trained model does with prompts it has never seen, beside two baselines."""
