#include <catch2/catch.hpp>

#include "simulator/comfy.hpp"

using namespace simulator::comfy_ui;
namespace json = boost::json;

namespace {

json::object workflow() {
    return json::parse(R"({
      "3": {"class_type": "KSampler", "inputs": {"seed": 7, "steps": 8, "positive": ["6", 0],
            "negative": ["7", 0], "latent_image": ["5", 0]}},
      "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 256, "height": 128}},
      "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "pretty dog"}},
      "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "blurry"}},
      "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0]}},
      "9": {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "dog"}}})")
        .as_object();
}

}  // namespace

TEST_CASE("a workflow's image is read along its wires", "[comfy]") {
    const auto read = std::get<Workflow>(read_workflow(workflow(), 20));
    CHECK(read.drawing.prompt == "pretty dog");
    CHECK(read.drawing.seed == 7);
    CHECK(read.drawing.steps == 8);
    CHECK(read.drawing.width == 256);
    CHECK(read.drawing.height == 128);
    CHECK(read.prefix == "dog");
    CHECK(read.sampler == "3");
    CHECK(read.before == std::vector<std::string>{"5", "6", "7"});
    CHECK(read.behind == std::vector<std::string>{"8", "9"});
}

TEST_CASE("a workflow without an output or with an unknown node is refused", "[comfy]") {
    json::object without = workflow();
    without.erase("9");
    CHECK(std::get<Refusal>(read_workflow(without, 20)).type == "prompt_no_outputs");
    json::object unknown = workflow();
    unknown["8"] = json::object{{"class_type", "Mystery"}};
    CHECK(std::get<Refusal>(read_workflow(unknown, 20)).type == "invalid_prompt");
    CHECK(std::get<Refusal>(read_workflow({}, 20)).type == "prompt_no_outputs");
}
