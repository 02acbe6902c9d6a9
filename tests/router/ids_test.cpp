// The ids by which a session is found.
#include "router/ids.hpp"

#include <catch2/catch.hpp>

using namespace router;
using Ids = std::vector<std::string>;

TEST_CASE("ids are found in the query, whatever stands around them", "[ids]") {
    CHECK(ids_in_target("/queue/data", "session_hash=abc123") == Ids{"session:abc123"});
    CHECK(ids_in_target("/ws", "clientId=0a-1b") == Ids{"client:0a-1b"});
    CHECK(ids_in_target("/x", "a=b&client_id=1&&event_id=2&prompt_id=3&id_task=task(4)") ==
          Ids{"client:1", "event:2", "prompt:3", "task:task(4)"});
    CHECK(ids_in_target("/x", "session_hash=a&session_hash=a&session_hash=b") ==
          Ids{"session:a", "session:b"});
    CHECK(ids_in_target("/x", "id_task=task%284%29") == Ids{"task:task(4)"});
    CHECK(ids_in_target("/x", "session_hash&session_hash=&=&&session_hashes=1&SESSION_HASH=2").empty());
    CHECK(ids_in_target("/x", "").empty());
}

TEST_CASE("ids are found in the path, with and without a prefix", "[ids]") {
    CHECK(ids_in_target("/heartbeat/abc", "") == Ids{"session:abc"});
    CHECK(ids_in_target("/gradio_api/heartbeat/abc", "") == Ids{"session:abc"});
    CHECK(ids_in_target("/gradio_api/call/predict/0a1b", "") == Ids{"event:0a1b"});
    CHECK(ids_in_target("/gradio_api/stream/abc/1/2/playlist.m3u8", "") == Ids{"session:abc"});
    CHECK(ids_in_target("/history/0a1b", "") == Ids{"prompt:0a1b"});
    CHECK(ids_in_target("/api/history/0a1b", "") == Ids{"prompt:0a1b"});
    CHECK(ids_in_target("/api/jobs/0a1b/cancel", "") == Ids{"prompt:0a1b"});
    CHECK(ids_in_target("/sdcpp/v1/jobs/7", "") == Ids{"job:7"});
    CHECK(ids_in_target("/sdcpp/v1/jobs/7/cancel", "") == Ids{"job:7"});
    CHECK(ids_in_target("/heartbeat/a%62c", "session_hash=abc") == Ids{"session:abc"});
}

TEST_CASE("what only resembles them has no ids", "[ids]") {
    for (const std::string path :
         {"/", "", "/heartbeat", "/heartbeat/", "/call/predict", "/call/a/b/c", "/history", "/sdcpp/v1/jobs",
          "/queue/join", "/file=/heartbeat/abc", "/x/heartbeat/abc"}) {
        CAPTURE(path);
        CHECK(ids_in_target(path, "").empty());
    }
}

TEST_CASE("ids are short and printable, or none", "[ids]") {
    const std::string longest(128, 'a');
    CHECK(id("session", longest) == "session:" + longest);
    CHECK(!id("session", longest + "a"));
    CHECK(!id("session", ""));
    CHECK(!id("session", "a\nb"));
    CHECK(!id("session", "\xc3\xa4"));
    CHECK(!id("session", std::string_view("a\0b", 3)));
    CHECK(ids_in_target("/heartbeat/" + longest + "a",
                        "session_hash=%00&client_id=%0a&event_id=" + longest + "a")
              .empty());
}

TEST_CASE("ids are found in the members of a JSON body", "[ids]") {
    CHECK(id_in_member("/queue/join", "session_hash", "a") == "session:a");
    CHECK(id_in_member("/queue/join", "event_id", "a") == "event:a");
    CHECK(id_in_member("/prompt", "client_id", "a") == "client:a");
    CHECK(id_in_member("/prompt", "prompt_id", "a") == "prompt:a");
    CHECK(id_in_member("/internal/progress", "id_task", "task(a)") == "task:task(a)");
    CHECK(id_in_member("/sdapi/v1/txt2img", "force_task_id", "mine") == "task:mine");
    CHECK(id_in_member("/sdcpp/v1/img_gen", "id", "7") == "job:7");
    CHECK(!id_in_member("/v1/images/generations", "id", "7"));
    CHECK(id_in_member("/queue/join", "data0", "task(0a1b)") == "task:task(0a1b)");
    CHECK(!id_in_member("/queue/join", "data0", "a prompt"));
    CHECK(!id_in_member("/queue/join", "prompt", "a"));
}

TEST_CASE("a task is told by its beginning", "[ids]") {
    CHECK(is_task("task(0a1b2c3d4e5f6g7)"));
    CHECK(!is_task("task"));
    CHECK(!is_task(" task(1)"));
    CHECK(!is_task(""));
}
