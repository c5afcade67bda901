"""What the exit codes of `megatron-qm` mean to whoever starts it again, the launchers in launch/slurm among them."""

DONE = 0
DIFFERENT = 1  # what was compared is not the same
USER_MUST_MEND = 2  # a sentence says what, such as the bar that a verifier breaks; no restart helps
BAD_NUMBERS = 3  # too many bad steps in a row; no restart helps
HUNG = 74  # ended by the watchdog; a restart helps
STOPPED = 75  # saved and stopped by a signal before the last step; a restart goes on
