"""Where Lightning has its Trainer."""
