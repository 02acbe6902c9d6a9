// What the WebUI says about itself.
#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>

#include "simulator/a1111.hpp"
#include "simulator/encode.hpp"
#include "simulator/png.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

namespace json = boost::json;

Reply answer(const json::value& value) {
    return Reply::json(json::serialize(value));
}

// modules/sd_samplers_kdiffusion.py and sd_samplers_timesteps.py, 1.10
constexpr std::array<std::string_view, 19> sampler_names{
    "DPM++ 2M",   "DPM++ SDE",    "DPM++ 2M SDE", "DPM++ 2M SDE Heun",
    "DPM++ 2S a", "DPM++ 3M SDE", "Euler a",      "Euler",
    "LMS",        "Heun",         "DPM2",         "DPM2 a",
    "DPM fast",   "DPM adaptive", "Restart",      "DDIM",
    "DDIM CFG++", "PLMS",         "UniPC"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> scheduler_names{{
    {"automatic", "Automatic"},
    {"uniform", "Uniform"},
    {"karras", "Karras"},
    {"exponential", "Exponential"},
    {"polyexponential", "Polyexponential"},
    {"sgm_uniform", "SGM Uniform"},
    {"kl_optimal", "KL Optimal"},
    {"simple", "Simple"},
}};

}  // namespace

bool knows_sampler(std::string_view name) {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    return std::ranges::any_of(sampler_names, [&](std::string_view known) {
        // "DPM++ 2M Karras": before 1.9 the scheduler was part of the name.
        if (name.size() > known.size() && name.substr(known.size()) == " Karras")
            return std::ranges::equal(name.substr(0, known.size()), known, same);
        return std::ranges::equal(name, known, same);
    });
}

Reply get_options(Pod& pod, const Call&) {
    return answer(pod.settings);
}

Reply cmd_flags(Pod& pod, const Call&) {
    return answer(json::object{{"listen", pod.options.listen},
                               {"port", pod.options.port},
                               {"api", true},
                               {"nowebui", pod.options.nowebui},
                               {"api_auth", nullptr},
                               {"timeout_keep_alive", 30}});
}

Reply samplers(Pod&, const Call&) {
    json::array list;
    for (const std::string_view name : sampler_names)
        list.push_back(json::object{{"name", name}, {"aliases", json::array{}}, {"options", json::object{}}});
    return answer(list);
}

Reply schedulers(Pod&, const Call&) {
    json::array list;
    for (const auto& [name, label] : scheduler_names)
        list.push_back(json::object{{"name", name},
                                    {"label", label},
                                    {"aliases", nullptr},
                                    {"default_rho", -1},
                                    {"need_inner_model", false}});
    return answer(list);
}

Reply upscalers(Pod&, const Call&) {
    json::array list;
    for (const char* name : {"None", "Lanczos", "Nearest", "ESRGAN_4x", "R-ESRGAN 4x+"})
        list.push_back(json::object{{"name", name},
                                    {"model_name", nullptr},
                                    {"model_path", nullptr},
                                    {"model_url", nullptr},
                                    {"scale", 4}});
    return answer(list);
}

Reply latent_upscale_modes(Pod&, const Call&) {
    json::array list;
    for (const char* name : {"Latent", "Latent (antialiased)", "Latent (bicubic)", "Latent (nearest)"})
        list.push_back(json::object{{"name", name}});
    return answer(list);
}

Reply sd_models(Pod&, const Call&) {
    json::array list;
    for (const auto& [name, hash] :
         {std::pair{"v1-5-pruned-emaonly", "6ce0161689"}, std::pair{"dreamshaper_8", "879db523c3"}})
        list.push_back(
            json::object{{"title", std::string(name) + ".safetensors [" + hash + "]"},
                         {"model_name", name},
                         {"hash", hash},
                         {"sha256", nullptr},
                         {"filename", "models/Stable-diffusion/" + std::string(name) + ".safetensors"},
                         {"config", nullptr}});
    return answer(list);
}

Reply sd_vae(Pod&, const Call&) {
    return answer(
        json::array{json::object{{"model_name", "vae-ft-mse-840000-ema-pruned.safetensors"},
                                 {"filename", "models/VAE/vae-ft-mse-840000-ema-pruned.safetensors"}}});
}

Reply face_restorers(Pod&, const Call&) {
    return answer(json::array{json::object{{"name", "CodeFormer"}, {"cmd_dir", nullptr}},
                              json::object{{"name", "GFPGAN"}, {"cmd_dir", nullptr}}});
}

Reply prompt_styles(Pod&, const Call&) {
    return answer(json::array{json::object{
        {"name", "screen print"}, {"prompt", "{prompt}, screen print"}, {"negative_prompt", "photo"}}});
}

Reply embeddings(Pod&, const Call&) {
    return answer(json::object{{"loaded", json::object{}}, {"skipped", json::object{}}});
}

Reply scripts(Pod&, const Call&) {
    return answer(json::object{
        {"txt2img", json::array{"prompt matrix", "prompts from file or textbox", "x/y/z plot"}},
        {"img2img", json::array{"img2img alternative test", "loopback", "outpainting mk2", "sd upscale"}}});
}

Reply memory(Pod& pod, const Call&) {
    // RAM grows by the image, from 8.7 GiB to 19.5 in eight (A#6068); it is the tale that the fault oom ends.
    constexpr double gib = 1024.0 * 1024 * 1024, total = 32 * gib;
    const double used = std::min(total, (8.7 + 1.35 * static_cast<double>(pod.images_made)) * gib);
    const json::object pair{{"current", 3.4 * gib}, {"peak", 4.1 * gib}};
    return answer(json::object{
        {"ram", json::object{{"free", total - used}, {"used", used}, {"total", total}}},
        {"cuda",
         json::object{{"system", json::object{{"free", 12 * gib}, {"used", 4 * gib}, {"total", 16 * gib}}},
                      {"active", pair},
                      {"allocated", pair},
                      {"reserved", pair},
                      {"inactive", pair},
                      {"events", json::object{{"retries", 0}, {"oom", 0}}}}}});
}

Reply png_info(Pod&, const Call& call) {
    json::error_code error;
    const json::value body = json::parse(json::string_view(call.body.data(), call.body.size()), error);
    const json::object* fields = error ? nullptr : body.if_object();
    const json::value* image = fields ? fields->if_contains("image") : nullptr;
    if (!image || !image->is_string())
        return Reply::detail(http::status::unprocessable_entity, "field required");
    std::string_view encoded(image->get_string().data(), image->get_string().size());
    if (const auto comma = encoded.find(','); encoded.starts_with("data:") && comma != std::string_view::npos)
        encoded.remove_prefix(comma + 1);
    const std::string text = png_parameters(unbase64(encoded));
    return answer(json::object{
        {"info", text}, {"items", json::object{{"parameters", text}}}, {"parameters", json::object{}}});
}

Reply empty_list(Pod&, const Call&) {
    return Reply::json("[]");
}
Reply empty_object(Pod&, const Call&) {
    return Reply::json("{}");
}
Reply null(Pod&, const Call&) {
    return Reply::json("null");
}

}  // namespace simulator::a1111_handlers
