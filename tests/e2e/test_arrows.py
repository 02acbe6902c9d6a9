"""The arrows between the rooms, and that the check itself can fail."""
import unittest

import arrows


class Arrows(unittest.TestCase):
    def test_every_include_follows_the_arrows_between_the_rooms(self):
        self.assertEqual(arrows.check_all(), [])

    def test_a_core_may_include_the_standard_library_its_own_files_and_pod_hpp(self):
        text = '#include <chrono>\n#include "router/pool.hpp"\n#include "pods/pod.hpp"\n'
        self.assertEqual(arrows.check_file("router/a.cpp", text), [])

    def test_a_core_that_includes_asio_or_the_other_core_is_found(self):
        text = '#include <boost/asio.hpp>\n#include "autoscaler/decide.hpp"\n#include "pods/driver.hpp"\n'
        self.assertEqual(len(arrows.check_file("router/a.cpp", text)), 3)

    def test_an_arrow_that_points_back_is_found_with_its_line(self):
        wrong = arrows.check_file("proxy/a.cpp", '#include "proxy/a.hpp"\n#include "admin/server.hpp"\n')
        self.assertEqual(len(wrong), 1)
        self.assertTrue(wrong[0].startswith("proxy/a.cpp:2: "), wrong[0])

    def test_a_core_that_asks_a_clock_is_found_but_not_in_a_comment(self):
        self.assertEqual(len(arrows.check_file("router/a.cpp", "auto t = Clock::now();\n")), 1)
        self.assertEqual(arrows.check_file("router/a.cpp", "// never Clock::now()\n"), [])
        self.assertEqual(arrows.check_file("proxy/a.cpp", "auto t = Clock::now();\n"), [])

    def test_a_file_that_says_it_is_pure_may_not_ask_a_clock(self):
        files = {"proxy/a.hpp": "// Names of things. Pure.\n", "proxy/a.cpp": "auto t = Clock::now();\n"}
        self.assertTrue(arrows.is_pure("proxy/a.cpp", files.get))
        self.assertEqual(len(arrows.check_file("proxy/a.cpp", files["proxy/a.cpp"], pure=True)), 1)

    def test_a_line_that_is_logged_as_nobodys_is_found(self):
        self.assertEqual(len(arrows.check_file("cli/a.cpp", 'spdlog::warn("{}", what);\n')), 1)
        self.assertEqual(arrows.check_file("cli/a.cpp", "// spdlog::warn() would be nobody's\n"), [])
        self.assertEqual(arrows.check_file("cli/a.cpp", 'log_of(LogOf::admin).log(spdlog::level::warn, "x");\n'), [])

    def test_two_types_of_one_name_in_one_namespace_are_found(self):
        one = "namespace proxy {\nstruct Listener {\n    int a;\n};\n}  // namespace proxy\n"
        other = "namespace proxy {\nclass Listener\n{\n};\n}\n"
        self.assertEqual(len(arrows.doubled({"proxy/a.hpp": one, "proxy/b.hpp": other})), 1)

    def test_what_the_linker_keeps_apart_or_is_only_declared_is_no_double(self):
        one = "namespace proxy {\nstruct Listener {\n};\n}\n"
        for other in ("namespace proxy {\nclass Listener;\n}\n",
                      "namespace proxy {\nnamespace {\nstruct Listener {\n};\n}\n}\n",
                      "namespace admin {\nstruct Listener {\n};\n}\n",
                      "namespace proxy {\nclass Other::Listener {\n};\nstruct Wider {\n    struct Listener {\n    };\n};\n}\n"):
            self.assertEqual(arrows.doubled({"proxy/a.hpp": one, "proxy/b.hpp": other}), [], other)
