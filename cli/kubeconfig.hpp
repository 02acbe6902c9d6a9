// `pilotlight kubeconfig`: a file by which kubectl and kn find the gateway and are let in.
#pragma once

#include <ostream>
#include <span>
#include <string>

namespace cli {

int kubeconfig(std::span<const std::string> args, std::ostream& out, std::ostream& err);

}  // namespace cli
