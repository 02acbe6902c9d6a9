// An event of Gradio 3's page: its own protocol, and the client's connection with it.
#include "proxy/traffic/connection.hpp"
#include "proxy/traffic/gradio_socket.hpp"

namespace proxy {

asio::awaitable<void> Connection::converse(Visit& visit) {
    auto& x = *visit.exchange;
    GradioSocket asked;
    asked.routing = x.routing;
    asked.service = x.service;
    asked.caller.cookie = binding_of(*x.service, x.head);
    asked.caller.origin = visit.client;
    name_key(visit);
    asked.caller.key = visit.caller.key;
    asked.caller.key_running = visit.caller.key_running;
    asked.caller.key_waiting = visit.caller.key_waiting;
    asked.host = x.head.host();
    asked.request_id = visit.record.request_id;
    asked.key = x.head.first("Sec-WebSocket-Key");
    asked.head_for_pod = request_for(visit);
    const auto result = co_await serve_gradio_socket(worker_, stream_, std::move(in_), std::move(asked));
    in_.clear();
    auto& record = visit.record;
    record.request_class = result.task ? 'W' : 'L';
    record.status = result.upgraded ? 101 : 400;
    record.refusal = result.refusal;
    record.bytes_in = result.bytes_in;
    record.bytes_out = result.bytes_out;
    x.backend = result.backend;
    x.waited = result.waited;
    x.borrowed = result.borrowed;
    x.retries = result.retries;
    x.handed_over = result.handed_over;
    x.pod_done = result.pod_done;
}

}  // namespace proxy
