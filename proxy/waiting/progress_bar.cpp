#include "proxy/waiting/progress_bar.hpp"

#include <fmt/format.h>

#include "proxy/traffic/refusal.hpp"
#include "proxy/waiting/answer.hpp"
#include "proxy/waiting/sentence.hpp"

namespace proxy {

std::string progress_bar_response(const router::Place& place, std::string_view request_id, bool close) {
    // No number in `progress`: the bar is the generation's, and would jump back when that begins.
    const auto body = fmt::format(
        R"({{"active":false,"queued":true,"completed":false,"progress":null,"eta":null,"live_preview":null,)"
        R"("id_live_preview":-1,"textinfo":"{}"}})",
        json_escape(sentence(place)));
    Answer answer;
    answer.type = "application/json";
    answer.request_id = request_id;
    answer.close = close;
    return complete(answer, body);
}

}  // namespace proxy
