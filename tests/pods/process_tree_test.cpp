#include "pods/process_tree.hpp"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

using namespace pods;

TEST_CASE("descendants are all generations, zombies only as parents", "[tree]") {
    const std::map<pid_t, Process> processes{
        {10, {10, 1, 10, 10, 'S'}},  {11, {11, 10, 10, 10, 'S'}}, {12, {12, 11, 12, 12, 'R'}},
        {13, {13, 10, 10, 10, 'Z'}}, {14, {14, 13, 14, 14, 'D'}}, {20, {20, 1, 20, 20, 'S'}},
    };
    std::vector<pid_t> found;
    for (const auto& one : descendants(processes, 10)) found.push_back(one.pid);
    std::sort(found.begin(), found.end());
    CHECK(found == std::vector<pid_t>{11, 12, 14});
}

TEST_CASE("a circle of parents, as reused pids could show it, ends", "[tree]") {
    const std::map<pid_t, Process> processes{{10, {10, 11, 10, 10, 'S'}}, {11, {11, 10, 10, 10, 'S'}}};
    CHECK(descendants(processes, 10).size() == 1);
}

TEST_CASE("we find ourselves in /proc", "[tree]") {
    const auto processes = all_processes();
    REQUIRE(processes.contains(::getpid()));
    const auto& self = processes.at(::getpid());
    CHECK(self.parent == ::getppid());
    CHECK(self.group == ::getpgrp());
    CHECK(self.session == ::getsid(0));
}
