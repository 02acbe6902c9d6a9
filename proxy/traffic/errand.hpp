// The pod's half of a request. It owns the lease and ends when the pod is done, whatever the client does
// meanwhile.
#pragma once

#include <memory>

#include "proxy/gate.hpp"
#include "proxy/traffic/exchange.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

// Starts it on the worker's own thread. `lease`: granted, or empty for a request that takes no slot.
void start_errand(Worker&, std::shared_ptr<Exchange>, std::shared_ptr<const Backend>, Lease lease);

}  // namespace proxy
