#include "proxy/traffic/gradio_conversation.hpp"

#include "proxy/traffic/gradio_messages.hpp"

namespace proxy {

void GradioConversation::say(std::string_view text) {
    begin(true);
    append(text);
    end();
}

void GradioConversation::begin(bool text) {
    if (!nobody_listens()) messages.push_back({0, text, false});
}

void GradioConversation::append(std::string_view piece) {
    if (nobody_listens() || messages.empty()) return;
    messages.back().size += piece.size();
    if (!out.append(piece) || out.backlog() > asked.routing->limits.response_bytes) {
        output = true;  // a part of this message may be with the client
        fail(Refusal::disk_full,
             "The answer could not be buffered: no room in the gateway's spool directory (spec.stateDir, "
             "spec.limits.spoolDisk).");
    }
    notify();
}

void GradioConversation::end() {
    if (nobody_listens() || messages.empty()) return;
    messages.back().whole = true;
    notify();
}

void GradioConversation::finish(websocket::close_code code, std::string_view reason) {
    if (ending) return;
    ending.emplace(code, close_reason_text(reason));
    notify();
}

void GradioConversation::fail(Refusal why, std::string in_words) {
    if (nobody_listens()) return;
    result.refusal = why;
    if (output) return finish(websocket::close_code::internal_error, in_words);
    say(why == Refusal::queue_full ? gradio_request_message("queue_full") : gradio_failure(in_words));
    finish(why == Refusal::shutting_down ? websocket::close_code::going_away : websocket::close_code::normal,
           "");
}

void GradioConversation::leave() {
    if (client_left) return;
    client_left = true;
    if (!ending) {
        if (!result.refusal) result.refusal = Refusal::client_left;
        if (working && asked.on_departure) asked.on_departure();
    }
    if (waiting) waiting->ring();
    notify();
}

}  // namespace proxy
