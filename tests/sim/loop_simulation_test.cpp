// Hundreds of random lives of a whole gateway; see loop.hpp for what is real in it and what is not.
#include "loop.hpp"

TEST_CASE("pool, autoscaler and fleet together keep their promises through hundreds of random lives",
          "[loop][simulation]") {
    sim::run_schedules<sim::Loop>(200);
}
