// The pod's half of a Gradio event. It owns the slot and ends with the pod's work, whatever the client does.
#pragma once

#include <memory>

#include "proxy/traffic/gradio_conversation.hpp"

namespace proxy {

// Starts it on the worker's own thread. `task`: it needs a slot and waits for one.
void start_gradio_event(std::shared_ptr<GradioConversation>, bool task);

}  // namespace proxy
