"""The simulated room: repeatable, plausible, and moved by its door."""

from itertools import pairwise
from statistics import mean

from sensors.sim.world import DAY_S, RoomWorld


def course(world: RoomWorld, seconds: range) -> list[tuple[float, float]]:
    return [world.climate(float(second)) for second in seconds]


def test_the_same_seed_is_the_same_room_and_another_is_not() -> None:
    first, again, other = (RoomWorld(seed=seed, door_every_s=20) for seed in (5, 5, 6))
    seconds = range(0, 600, 3)
    assert course(first, seconds) == course(again, seconds)
    assert [first.door_open(float(second)) for second in seconds] == [again.door_open(float(second)) for second in seconds]
    assert course(first, seconds) != course(other, seconds)


def test_the_day_swings_around_the_mean_and_humidity_goes_the_other_way() -> None:
    world = RoomWorld(seed=3, temp_c=14.2, rh_pct=34.0, people=False)
    day = course(world, range(0, int(DAY_S), 600))
    temperatures, humidities = [air[0] for air in day], [air[1] for air in day]
    assert abs(mean(temperatures) - 14.2) < 0.05
    assert abs(mean(humidities) - 34.0) < 0.1
    assert 0.6 < max(temperatures) - min(temperatures) < 1.0
    warmest = temperatures.index(max(temperatures))
    assert humidities[warmest] < 34.0


def test_values_are_never_exactly_the_same_for_long() -> None:
    values = [round(air[0], 2) for air in course(RoomWorld(people=False), range(60))]
    assert len(set(values)) > 3


def test_people_open_the_door_soon_and_again_and_leave_it_shut_for_most_of_the_time() -> None:
    world = RoomWorld(door_every_s=20)
    states = [world.door_open(second / 10) for second in range(3000)]
    openings = sum(1 for before, after in pairwise(states) if after and not before)
    assert True in states[:100]
    assert 10 <= openings <= 20
    assert 0.1 < sum(states) / len(states) < 0.5
    assert all(world.person_inside(second / 10) for second in range(2900, 3000) if world.door_open(second / 10))


def test_an_open_door_lets_the_corridor_in_and_the_room_recovers() -> None:
    busy, still = RoomWorld(temp_c=15.0, door_every_s=15), RoomWorld(temp_c=15.0, people=False)
    warmer = mean(busy.climate(float(second))[0] - still.climate(float(second))[0] for second in range(300, 400))
    assert 0.3 < warmer < 3.0
    assert not RoomWorld(people=False).door_open(8.0)
