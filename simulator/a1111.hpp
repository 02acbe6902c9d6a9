// The handlers of the AUTOMATIC1111 dialect, by theme. Facts are from its modules/api/api.py,
// modules/api/models.py and modules/progress.py, unless said otherwise.
#pragma once

#include <boost/json/object.hpp>

#include "simulator/call.hpp"

namespace simulator::a1111_handlers {

using Answer = std::variant<Reply, Job>;

// a1111_generate.cpp: what takes the lock
Answer txt2img(Pod& pod, const Call& call);
Answer img2img(Pod& pod, const Call& call);
Answer extra_single_image(Pod& pod, const Call& call);
Answer extra_batch_images(Pod& pod, const Call& call);
Answer interrogate(Pod& pod, const Call& call);
Answer set_options(Pod& pod, const Call& call);
Answer refresh(Pod& pod, const Call& call);
// An image of the API's fields, however they have come; its file is "outputs/TASK.png".
Answer from_fields(Pod& pod, boost::json::object fields, std::string_view kind);

// a1111_progress.cpp
Reply progress(Pod& pod, const Call& call);
Reply internal_progress(Pod& pod, const Call& call);
Reply pending_tasks(Pod& pod, const Call& call);
Reply interrupt(Pod& pod, const Call& call);
Reply skip(Pod& pod, const Call& call);

// a1111_lists.cpp
Reply get_options(Pod& pod, const Call& call);
Reply cmd_flags(Pod& pod, const Call& call);
Reply samplers(Pod& pod, const Call& call);
Reply schedulers(Pod& pod, const Call& call);
Reply upscalers(Pod& pod, const Call& call);
Reply latent_upscale_modes(Pod& pod, const Call& call);
Reply sd_models(Pod& pod, const Call& call);
Reply sd_vae(Pod& pod, const Call& call);
Reply face_restorers(Pod& pod, const Call& call);
Reply prompt_styles(Pod& pod, const Call& call);
Reply embeddings(Pod& pod, const Call& call);
Reply scripts(Pod& pod, const Call& call);
Reply memory(Pod& pod, const Call& call);
Reply png_info(Pod& pod, const Call& call);
Reply empty_list(Pod& pod, const Call& call);
Reply empty_object(Pod& pod, const Call& call);
Reply null(Pod& pod, const Call& call);
bool knows_sampler(std::string_view name);

// page.cpp
Reply page(Pod& pod, const Call& call);
Reply theme(Pod& pod, const Call& call);
Reply favicon(Pod& pod, const Call& call);
Reply robots(Pod& pod, const Call& call);

// a1111_files.cpp
constexpr int page_scripts = 40;  // file=javascript/N.js, 6 kB each
Reply file(Pod& pod, const Call& call);
Reply upload(Pod& pod, const Call& call);

}  // namespace simulator::a1111_handlers
