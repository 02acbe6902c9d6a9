// The JSON messages of Gradio 3's socket /queue/join, one socket an event: the server asks for the session's
// hash and the data, tells of the queue, and ends with process_completed (gradio routes.py, queueing.py).
// Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace proxy {

enum class GradioKind : unsigned char {
    other,
    send_hash,
    send_data,
    estimation,
    process_starts,
    progress,
    process_generating,
    process_completed,
};

// Reads one message as it comes, in pieces cut anywhere, and keeps of it only the little that we go by.
class GradioReader {
public:
    GradioReader();
    ~GradioReader();
    GradioReader(GradioReader&&) noexcept;
    GradioReader& operator=(GradioReader&&) noexcept;

    // False: it is not JSON, or not an object, or says "data" or "session_hash" twice, of which two readers
    // could take a different one. It stays false.
    bool feed(std::string_view);
    bool finish();  // the message has ended here

    GradioKind kind() const;
    std::string_view session_hash() const;  // empty: none, or none that we would take
    std::string_view first_data() const;    // data[0] if it is a string of at most 128 octets, else empty
    std::size_t data_size() const;          // values in "data" if it is an array

private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

// Whether an event with that data[0], of so many, works on the GPU: "task(xxx)", which AUTOMATIC1111's page
// makes in submit() and call_queue.py takes off again. Token counters, sliders and the Interrupt button have
// none. "task(xxx)" alone asks for the result of that task (ui.js restoreProgress, modules/progress.py).
bool is_gradio_gpu_task(std::string_view first_data, std::size_t data_size);

// What we say in the pod's place while there is none.
std::string gradio_request_message(std::string_view msg);  // "send_hash", "send_data", "queue_full"
// `rank`: how many are before it.
std::string gradio_estimation(std::size_t rank, std::size_t queue_size, std::optional<double> eta_seconds);
// An event that no pod has worked on to its end, and why.
std::string gradio_failure(std::string_view why);

// RFC 6455 section 5.5.1: 123 octets of UTF-8 at most, not cut in the middle of a character.
std::string_view close_reason_text(std::string_view);

}  // namespace proxy
