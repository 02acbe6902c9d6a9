// Gradio 3's socket /queue/join, one an event (sd-pods 3.2, 3.7 W; gradio routes.py, queueing.py). The
// gateway plays the server towards the client until it has the event's data: then it knows whether the event
// is work for the GPU, which waits for a slot as any generation does, or a light one, which does not. The pod
// is asked when there is one, and the pod's own patience (5 s for the hash, 60 s for the data) never runs
// out.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proxy/gate.hpp"
#include "proxy/service.hpp"
#include "proxy/traffic/worker.hpp"

namespace proxy {

struct GradioSocket {
    std::shared_ptr<const Routing> routing;
    std::shared_ptr<const Service> service;
    Caller caller;     // the session's hash will come first among its ids
    std::string host;  // to find the service's revision anew after a reload
    std::string request_id;
    std::string key;           // Sec-WebSocket-Key of the client
    std::string head_for_pod;  // request_for_pod()'s; what speaks of the WebSocket in it is passed over
    std::function<void()> on_departure;  // the pod's half's: the client left while its task runs
};

// For the access log and the metrics.
struct GradioResult {
    bool upgraded = false;  // 101 was sent
    bool task = false;      // it was work for the GPU
    std::optional<Refusal> refusal;
    std::shared_ptr<const Backend> backend;
    router::Waited waited;
    bool borrowed = false;
    int retries = 0;
    std::uint64_t bytes_in = 0, bytes_out = 0;
    TimePoint handed_over{}, pod_done{};
};

// From the 101 to the close; the client's socket is of no more use then. `early`: what the client has sent
// after its head. A pod that still works then keeps its slot until it is done.
asio::awaitable<GradioResult> serve_gradio_socket(Worker&, Duplex& client, std::string early, GradioSocket);

}  // namespace proxy
