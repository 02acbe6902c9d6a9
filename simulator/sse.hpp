// Server-sent events (WHATWG HTML 9.2): their text, and an answer that goes on until its source is over or
// its client has left.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "simulator/call.hpp"

namespace simulator {

// What an event stream says. Pull: the server asks after every change of the pod and when `next` has come.
// It is destroyed when the client has left or everything is said, whichever is first.
class EventSource {
public:
    virtual ~EventSource() = default;
    virtual std::string take(TimePoint now) = 0;                  // to be sent now; empty: nothing yet
    virtual bool over() const = 0;                                // nothing follows what was taken
    virtual std::optional<TimePoint> next() const { return {}; }  // when to ask, even if nothing has changed
};

// "event: NAME\ndata: DATA\n\n"; without a name the client takes it for a "message". Data of several lines
// becomes several data fields.
std::string sse_event(std::string_view data, std::string_view name = {});

}  // namespace simulator
