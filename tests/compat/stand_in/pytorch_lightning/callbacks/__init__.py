"""Where Lightning has its callbacks."""


class Callback:
    pass
