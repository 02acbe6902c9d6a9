// Whether two gateways mean the same by a revision: a hash of what its pods run. Another version of ours that
// knows more fields has another fingerprint, and its pods are replaced: safe, if not free. Pure.
#pragma once

#include <string>

#include "manifest/configuration.hpp"

namespace proxy {

std::string fingerprint(const manifest::Service&);

}  // namespace proxy
