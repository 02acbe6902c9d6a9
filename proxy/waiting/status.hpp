// The status resources of a service, for programs and people who wait:
//   GET /.pilotlight/requests/{id}   one request, by its X-Request-Id, as JSON or as an event stream
//   GET /.pilotlight/status          the service as a whole
// Whoever knows or guesses an id sees numbers about it, never a path, a client, a pod's name or an image.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pods/pod.hpp"
#include "router/place.hpp"

namespace proxy {

// What of ours a path names, if anything. Paths under /.pilotlight/ are never forwarded to a pod.
struct StatusPath {
    enum class What : unsigned char { none, service, request, unknown } what = What::none;
    std::string_view id;  // of the request; well-formed
};
StatusPath status_path(std::string_view path);

// Whether an Accept field asks for an event stream.
bool wants_events(std::string_view accept);

// The documents, on one line.
std::string status_json(std::string_view id, const router::Place&);
std::string status_json(const router::Overview&);

struct StatusContext {
    std::string_view request_id;  // of the request that asks
    bool head_only = false;
    bool close = false;
};
// An id that nobody waits under is 404 with a problem document.
std::string request_status_response(std::string_view id, const std::optional<router::Place>&,
                                    const StatusContext&);
std::string service_status_response(const router::Overview&, const StatusContext&);
std::string status_not_found(std::string_view what, const StatusContext&);

// The head of an event stream. The body is chunked for HTTP/1.1, else it ends with the connection.
std::string event_stream_head(const StatusContext&, bool chunked);

// The events of one watcher: the state at once, then each change but never more than one in 500 ms, a comment
// every 15 s so that nothing on the way takes the stream for dead; over when the request is, or after an
// hour.
class StatusStream {
public:
    StatusStream(std::string id, pods::TimePoint now);

    // What to send now; empty: nothing. A request that is no longer known has finished.
    std::string next(const std::optional<router::Place>&, pods::TimePoint now);
    bool over() const { return over_; }
    // When to look again at the latest.
    pods::TimePoint look_at() const;

private:
    std::string id_;
    pods::TimePoint started_, looked_, sent_;
    std::string last_;
    bool over_ = false;
};

}  // namespace proxy
