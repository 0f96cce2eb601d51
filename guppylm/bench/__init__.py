"""Speed, measured on this machine, with what it is compared to measured in the same run."""
