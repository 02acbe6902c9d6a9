// Sends what is traced to a collector, from a thread of its own: OTLP over HTTP, in batches. No request waits
// for it, whatever the collector does.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "manifest/configuration.hpp"
#include "proxy/tracing/queue.hpp"

namespace proxy {

class TraceExporter {
public:
    TraceExporter(TraceQueue&, std::string version);
    ~TraceExporter();  // sends what is left, for a moment at most
    TraceExporter(const TraceExporter&) = delete;

    // --- from control's thread
    void use(const std::optional<manifest::Tracing>&);  // empty: off. the first time starts the thread

    class Core;

private:
    TraceQueue& queue_;
    std::string version_;
    std::unique_ptr<Core> core_;
};

}  // namespace proxy
