// An event of Gradio 3's page: its own protocol, and the client's connection with it.
#include "proxy/traffic/gradio_socket.hpp"
#include "proxy/traffic/visit.hpp"

namespace proxy {

asio::awaitable<void> Visit::converse() {
    auto& x = *exchange_;
    GradioSocket asked;
    asked.routing = x.routing;
    asked.service = x.service;
    asked.caller.cookie = binding_of(*x.service, x.head);
    asked.caller.origin = address_;
    name_key();
    asked.caller.key = caller_.key;
    asked.caller.key_running = caller_.key_running;
    asked.caller.key_waiting = caller_.key_waiting;
    asked.host = x.head.host();
    asked.request_id = record_.request_id;
    asked.key = x.head.first("Sec-WebSocket-Key");
    asked.head_for_pod = request_for_pod();
    auto early = client_.take_early();
    const auto result =
        co_await serve_gradio_socket(worker_, client_.duplex(), std::move(early), std::move(asked));
    record_.request_class = result.task ? 'W' : 'L';
    record_.status = result.upgraded ? 101 : 400;
    record_.refusal = result.refusal;
    record_.bytes_in = result.bytes_in;
    record_.bytes_out = result.bytes_out;
    x.backend = result.backend;
    x.waited = result.waited;
    x.borrowed = result.borrowed;
    x.retries = result.retries;
    x.handed_over = result.handed_over;
    x.pod_done = result.pod_done;
}

}  // namespace proxy
