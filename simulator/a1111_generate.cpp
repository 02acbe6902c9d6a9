// The requests that take the lock: images, upscaling, captions, changes of the model.
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <memory>

#include "simulator/a1111.hpp"
#include "simulator/encode.hpp"
#include "simulator/hash.hpp"
#include "simulator/png.hpp"
#include "simulator/pod.hpp"

namespace simulator::a1111_handlers {
namespace {

namespace json = boost::json;

// Pydantic's answers to a body that does not fit (FastAPI 0.94).
Reply invalid(json::array where, std::string_view message, std::string_view type) {
    const json::object problem{{"loc", std::move(where)}, {"msg", message}, {"type", type}};
    return Reply::json(json::serialize(json::object{{"detail", json::array{problem}}}),
                       http::status::unprocessable_entity);
}

// An HTTPException, as modules/api/api.py handle_exception words it.
Reply refused(http::status status, std::string_view detail) {
    return Reply::json(json::serialize(json::object{
                           {"error", "HTTPException"}, {"detail", detail}, {"body", ""}, {"errors", ""}}),
                       status);
}

std::variant<json::object, Reply> parse_body(const Call& call) {
    if (call.body.empty()) return invalid({"body"}, "field required", "value_error.missing");
    json::error_code error;
    json::parse_options deep;
    deep.max_depth = 64;
    json::value value = json::parse(json::string_view(call.body.data(), call.body.size()), error, {}, deep);
    if (error)
        return invalid({"body", 0}, "Expecting value: line 1 column 1 (char 0)", "value_error.jsondecode");
    if (!value.is_object()) return invalid({"body"}, "value is not a valid dict", "type_error.dict");
    return std::move(value.as_object());
}

// Fields of a body. The first one that does not fit is remembered, as an answer.
class Fields {
public:
    explicit Fields(const json::object& body) : body_(body) {}

    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t least,
                         std::int64_t most) {
        const json::value* value = find(name);
        if (!value) return fallback;
        if (value->is_int64()) return std::clamp(value->get_int64(), least, most);
        if (value->is_double() && std::abs(value->get_double()) < 1e15)
            return std::clamp(static_cast<std::int64_t>(value->get_double()), least, most);
        wrong_.emplace(invalid({"body", name}, "value is not a valid integer", "type_error.integer"));
        return fallback;
    }
    std::string text(std::string_view name) {
        const json::value* value = find(name);
        if (!value) return {};
        if (const auto* string = value->if_string()) return {string->data(), string->size()};
        wrong_.emplace(invalid({"body", name}, "str type expected", "type_error.str"));
        return {};
    }
    const json::value* find(std::string_view name) const {
        const json::value* value = body_.if_contains(name);
        return value && !value->is_null() ? value : nullptr;
    }
    std::optional<Reply>& wrong() { return wrong_; }

private:
    const json::object& body_;
    std::optional<Reply> wrong_;
};

struct Generation {
    json::object parameters;
    std::string kind, task, prompt, negative_prompt, sampler;
    std::int64_t seed = -1;
    int width = 512, height = 512, steps = 20, batch_size = 1, iterations = 1;
    bool send_images = true, keep = false;

    int images() const { return batch_size * iterations; }
};

// Every field that models.py lets a client set, with its default, so that the echo is complete.
const json::object& default_parameters() {
    static const json::object defaults =
        json::parse(
            R"({"prompt":"","negative_prompt":"","styles":null,"seed":-1,"subseed":-1,"subseed_strength":0,
"seed_resize_from_h":-1,"seed_resize_from_w":-1,"sampler_name":null,"scheduler":null,"batch_size":1,"n_iter":1,
"steps":50,"cfg_scale":7.0,"width":512,"height":512,"restore_faces":null,"tiling":null,"do_not_save_samples":false,
"do_not_save_grid":false,"eta":null,"denoising_strength":null,"s_min_uncond":null,"s_churn":null,"s_tmax":null,
"s_tmin":null,"s_noise":null,"override_settings":null,"override_settings_restore_afterwards":true,
"refiner_checkpoint":null,"refiner_switch_at":null,"disable_extra_networks":false,"firstpass_image":null,
"comments":null,"enable_hr":false,"firstphase_width":0,"firstphase_height":0,"hr_scale":2.0,"hr_upscaler":null,
"hr_second_pass_steps":0,"hr_resize_x":0,"hr_resize_y":0,"hr_checkpoint_name":null,"hr_sampler_name":null,
"hr_scheduler":null,"hr_prompt":"","hr_negative_prompt":"","force_task_id":null,"sampler_index":"Euler",
"script_name":null,"script_args":[],"send_images":true,"save_images":false,"alwayson_scripts":{},"infotext":null})")
            .as_object();
    return defaults;
}

std::string infotext(const Pod& pod, const Generation& g, std::int64_t seed) {
    std::string text = g.prompt + "\n";
    if (!g.negative_prompt.empty()) text += "Negative prompt: " + g.negative_prompt + "\n";
    text += "Steps: " + std::to_string(g.steps) + ", Sampler: " + g.sampler +
            ", CFG scale: 7.0, Seed: " + std::to_string(seed) + ", Size: " + std::to_string(g.width) + "x" +
            std::to_string(g.height) +
            ", Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Pod: " + pod.options.id +
            ", Version: v1.10.1";
    return text;
}

// The keys of processing.py Processed.js.
std::string info(const Generation& g, const std::vector<std::string>& infotexts) {
    json::array prompts, negatives, seeds, subseeds, texts;
    for (int i = 0; i < g.images(); ++i) {
        prompts.emplace_back(g.prompt);
        negatives.emplace_back(g.negative_prompt);
        seeds.emplace_back(g.seed + i);
        subseeds.emplace_back(g.seed + i);
        texts.emplace_back(infotexts[static_cast<std::size_t>(i)]);
    }
    return json::serialize(json::object{{"prompt", g.prompt},
                                        {"all_prompts", std::move(prompts)},
                                        {"negative_prompt", g.negative_prompt},
                                        {"all_negative_prompts", std::move(negatives)},
                                        {"seed", g.seed},
                                        {"all_seeds", std::move(seeds)},
                                        {"subseed", g.seed},
                                        {"all_subseeds", std::move(subseeds)},
                                        {"subseed_strength", 0},
                                        {"width", g.width},
                                        {"height", g.height},
                                        {"sampler_name", g.sampler},
                                        {"cfg_scale", 7.0},
                                        {"steps", g.steps},
                                        {"batch_size", g.batch_size},
                                        {"restore_faces", false},
                                        {"face_restoration_model", nullptr},
                                        {"sd_model_name", "v1-5-pruned-emaonly"},
                                        {"sd_model_hash", "6ce0161689"},
                                        {"sd_vae_name", nullptr},
                                        {"sd_vae_hash", nullptr},
                                        {"seed_resize_from_w", -1},
                                        {"seed_resize_from_h", -1},
                                        {"denoising_strength", nullptr},
                                        {"extra_generation_params", json::object{}},
                                        {"index_of_first_image", 0},
                                        {"infotexts", std::move(texts)},
                                        {"styles", json::array{}},
                                        {"job_timestamp", "20240226000000"},
                                        {"clip_skip", 1},
                                        {"is_using_inpainting_conditioning", false},
                                        {"version", "v1.10.1"}});
}

Reply make_images(Pod& pod, const Generation& g) {
    std::vector<std::string> infotexts;
    std::string body = "{\"images\":[";
    for (int i = 0; i < g.images(); ++i) {
        infotexts.push_back(infotext(pod, g, g.seed + i));
        Picture picture{g.width,
                        g.height,
                        g.prompt,
                        static_cast<std::uint64_t>(g.seed + i),
                        pod.options.png_bytes.value_or(0),
                        infotexts.back()};
        std::string png = make_png(picture);
        if (g.send_images) {
            body.reserve(body.size() + png.size() * 4 / 3 + 8192);
            body += i ? ",\"" : "\"";
            append_base64(body, png);
            body += '"';
        }
        const std::string name = i == 0 ? g.task : g.task + "-" + std::to_string(i);
        if (g.keep) pod.keep_file("outputs/" + name + ".png", std::move(png));
    }
    body += "],\"parameters\":" + json::serialize(g.parameters);
    body += ",\"info\":" + json::serialize(json::string(info(g, infotexts))) + "}";
    return Reply::json(std::move(body));
}

// Seconds of the GPU, before the time scale.
Work plan_work(Pod& pod, const Generation& g) {
    double seconds = pod.service_time.draw();
    if (pod.options.per_pixel)
        seconds *= static_cast<double>(g.width) * g.height / 262144 * g.steps / 20 * g.images();
    const double decode = std::min(pod.options.decode, seconds / 2);
    Work work;
    work.sampling = pod.options.scaled(seconds - decode);
    work.decode = pod.options.scaled(decode);
    work.steps = g.steps;
    work.iterations = g.iterations;
    return work;
}

Answer generate(Pod& pod, json::object body, std::string_view kind) {
    Fields fields(body);
    auto g = std::make_shared<Generation>();
    g->prompt = fields.text("prompt");
    g->negative_prompt = fields.text("negative_prompt");
    g->sampler = fields.text("sampler_name");
    if (g->sampler.empty()) g->sampler = fields.text("sampler_index");
    if (g->sampler.empty()) g->sampler = "Euler";
    g->task = fields.text("force_task_id");
    g->seed = fields.integer("seed", -1, -1, std::int64_t{1} << 62);
    g->width = static_cast<int>(fields.integer("width", 512, 8, 4096));
    g->height = static_cast<int>(fields.integer("height", 512, 8, 4096));
    g->steps = static_cast<int>(fields.integer("steps", pod.options.steps, 1, 1000));
    g->batch_size = static_cast<int>(fields.integer("batch_size", 1, 1, 8));
    g->iterations = static_cast<int>(fields.integer("n_iter", 1, 1, 8));
    if (const auto* send = fields.find("send_images")) g->send_images = !send->is_bool() || send->get_bool();
    if (fields.wrong()) return std::move(*fields.wrong());
    if (!knows_sampler(g->sampler)) return refused(http::status::not_found, "Sampler not found");

    constexpr std::size_t longest_task = 200;
    g->keep = !g->task.empty() && g->task.size() <= longest_task;
    if (!g->keep) g->task = pod.next_task(kind);
    if (g->seed < 0) g->seed = static_cast<std::int64_t>(pod.random() >> 32);

    g->parameters = default_parameters();
    for (auto& [name, value] : body)
        if (name != "init_images" && name != "mask") g->parameters[name] = std::move(value);

    Job job;
    job.task = g->task;
    job.work = plan_work(pod, *g);
    job.images = g->images();
    job.make = [&pod, g] { return make_images(pod, *g); };
    return job;
}

// A tenth of a generation, a single step, an answer known beforehand.
Job small_job(Pod& pod, std::string_view kind, double share_of_service, std::function<Reply()> make) {
    Job job;
    job.task = pod.next_task(kind);
    job.work.sampling = pod.options.scaled(pod.options.service * share_of_service);
    job.work.steps = 1;
    job.make = std::move(make);
    return job;
}

std::string upscaled(const Pod& pod, std::string_view source) {
    // A data URL's head is the same for all; the end of an image is not.
    Hash hash(source.substr(source.size() - std::min<std::size_t>(source.size(), 4096)));
    return base64(make_png({1024, 1024, "upscaled", hash.next(), pod.options.png_bytes.value_or(0), ""}));
}

}  // namespace

Answer txt2img(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    return generate(pod, std::move(std::get<json::object>(body)), "txt2img");
}

Answer img2img(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    json::object& fields = std::get<json::object>(body);
    const json::value* images = fields.if_contains("init_images");
    if (!images || !images->is_array() || images->get_array().empty())
        return refused(http::status::not_found, "Init image not found");
    if (!fields.if_contains("denoising_strength")) fields["denoising_strength"] = 0.75;
    return generate(pod, std::move(fields), "img2img");
}

Answer extra_single_image(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    const std::string image = Fields(std::get<json::object>(body)).text("image");
    Job job = small_job(pod, "extras", 0.2, [&pod, image] {
        return Reply::json("{\"html_info\":\"<p>upscaled</p>\",\"image\":\"" + upscaled(pod, image) + "\"}");
    });
    job.images = 1;
    return job;
}

Answer extra_batch_images(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    constexpr std::size_t most_images = 64;
    std::vector<std::string> sources;
    if (const auto* list = std::get<json::object>(body).if_contains("imageList"); list && list->is_array())
        for (const json::value& item : list->get_array())
            if (item.is_object() && sources.size() < most_images)
                sources.push_back(Fields(item.get_object()).text("data"));
    if (sources.empty()) return invalid({"body", "imageList"}, "field required", "value_error.missing");
    const auto count = static_cast<int>(sources.size());
    Job job = small_job(pod, "extras", 0.2 * count, [&pod, sources] {
        std::string out = "{\"html_info\":\"\",\"images\":[";
        for (std::size_t i = 0; i < sources.size(); ++i) {
            out += i ? ",\"" : "\"";
            out += upscaled(pod, sources[i]) + "\"";
        }
        return Reply::json(out + "]}");
    });
    job.images = count;
    return job;
}

Answer interrogate(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    const auto* image = std::get<json::object>(body).if_contains("image");
    if (!image || !image->is_string() || image->get_string().size() < 64)
        return refused(http::status::not_found, "Image not found");
    return small_job(pod, "interrogate", 0.2,
                     [] { return Reply::json(R"({"caption":"hills under a low sun, screen print"})"); });
}

Answer set_options(Pod& pod, const Call& call) {
    auto body = parse_body(call);
    if (auto* wrong = std::get_if<Reply>(&body)) return std::move(*wrong);
    const json::object& changes = std::get<json::object>(body);
    constexpr std::size_t most_settings = 1000;
    bool reloads = false;
    for (const auto& [name, value] : changes) {
        const json::value* old = pod.settings.if_contains(name);
        const bool of_the_model = name == "sd_model_checkpoint" || name == "sd_vae" || name == "fp8_storage";
        reloads = reloads || (of_the_model && (!old || *old != value));
    }
    const auto apply = [&pod, changes] {
        for (const auto& [name, value] : changes)
            if (pod.settings.size() < most_settings || pod.settings.if_contains(name))
                pod.settings[name] = value;
        return Reply::json("null");
    };
    if (!reloads) return apply();
    // Another model is loaded under the lock, and takes what the first one took.
    Job job = small_job(pod, "options", 0, apply);
    job.work.sampling = pod.options.scaled(pod.options.model_load);
    return job;
}

Answer from_fields(Pod& pod, json::object fields, std::string_view kind) {
    return generate(pod, std::move(fields), kind);
}

Answer refresh(Pod& pod, const Call&) {
    return small_job(pod, "refresh", 0.01, [] { return Reply::json("null"); });
}

}  // namespace simulator::a1111_handlers
