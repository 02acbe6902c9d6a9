// What every dialect's image has in common: how long the GPU works for it, and how it is drawn.
#pragma once

#include <cstdint>
#include <string>

#include "simulator/gpu.hpp"

namespace simulator {

class Pod;

struct Drawing {
    std::string prompt;
    std::int64_t seed = -1;  // below 0: any
    int width = 512, height = 512, steps = 20, count = 1;
};

// The work of the next image, of --service, --cv and --per-pixel.
Work plan_work(Pod& pod, const Drawing& drawing);

// A PNG whose tEXt "parameters" name prompt, seed, size and pod; `index` is its place in a batch.
std::string draw(const Pod& pod, const Drawing& drawing, int index = 0);

// Settles the seed, so that work and picture are repeatable from there on.
Drawing settled(Pod& pod, Drawing drawing);

// Random letters and digits, as ids of jobs, sessions and files are.
std::string random_id(Pod& pod, std::size_t length);
std::string random_uuid(Pod& pod);

}  // namespace simulator
