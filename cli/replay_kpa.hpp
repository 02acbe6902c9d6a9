// `pilotlight replay-kpa`: recordings of Knative's autoscaler, replayed against ours.
#pragma once

#include <span>
#include <string>

namespace cli {

// Exit code: 0 all agree, 1 one differs, 2 wrong usage or a file that cannot be read.
int replay_kpa(std::span<const std::string> args);

}  // namespace cli
