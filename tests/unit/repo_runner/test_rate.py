from repo_runner.rate import RateMeter


def test_the_rate_is_unknown_before_the_second_sample() -> None:
    meter = RateMeter()
    meter.add(0.0, 1)
    assert meter.steps_per_s is None


def test_the_rate_counts_wall_time() -> None:
    meter = RateMeter()
    for t in range(5):
        meter.add(float(t), t * 10)
    assert meter.steps_per_s == 10.0


def test_old_samples_are_forgotten() -> None:
    meter = RateMeter()
    meter.add(0.0, 0)
    for t in range(100, 120):
        meter.add(float(t), 1000 + t)
    assert meter.steps_per_s == 1.0


def test_a_new_fit_starts_anew() -> None:
    meter = RateMeter()
    meter.add(0.0, 500)
    meter.add(1.0, 0)
    assert meter.steps_per_s is None
