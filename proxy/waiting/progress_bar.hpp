// A1111's own progress bar while a task waits with us. Its page asks POST /internal/progress every second and
// keeps its bar as long as the answer says `queued`; the text is shown in the bar. The fields are those of
// modules/progress.py ProgressResponse, the values those of a task in its queue. Pure.
#pragma once

#include <string>
#include <string_view>

#include "router/place.hpp"

namespace proxy {

// The whole answer for a task that waits for a slot.
std::string progress_bar_response(const router::Place&, std::string_view request_id, bool close = false);

}  // namespace proxy
