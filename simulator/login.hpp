// --gradio-auth: a form, and a cookie whose token means nothing to another process (gradio 3.41.2 routes.py).
#pragma once

#include "simulator/call.hpp"

namespace simulator {

// Without --gradio-auth everybody is.
bool logged_in(const Pod& pod, const Call& call);
Reply not_authenticated();

Reply login(Pod& pod, const Call& call);
Reply login_page();

}  // namespace simulator
