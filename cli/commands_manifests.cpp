#include "cli/command_table.hpp"

namespace cli::table {
namespace {

const Flag files{.brief = 'f',
                 .full = "--filename",
                 .value = "PATH",
                 .text = "a file or a folder of *.yaml; may be given several times, and takes several paths",
                 .means = Means::file,
                 .takes_more = true};

Flag files_or(std::string_view variable) {
    auto out = files;
    out.variable = variable;
    return out;
}

Command serve() {
    return {
        .name = "serve",
        .words = "-f PATH...",
        .summary = "serve the Knative Services in these files or folders of YAML",
        .about = R"(Serves the Knative Services in these files or folders of YAML, until SIGTERM or Ctrl-C.)",
        .examples = R"(  # The guide's service, with pods as processes on this machine
  pilotlight serve -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml

  # All *.yaml of a folder, on port 80 whatever they say
  pilotlight serve -f /etc/pilotlight --port 80
)",
        .flags = {files_or("PILOTLIGHT_FILENAME"),
                  {.full = "--port",
                   .value = "N",
                   .text = "the port of the (first) HTTP listener, instead of the manifest's",
                   .variable = "PILOTLIGHT_PORT"},
                  {.full = "--admin-port",
                   .value = "N",
                   .text = "the port of the admin address",
                   .variable = "PILOTLIGHT_ADMIN_PORT"},
                  {.full = "--workers",
                   .value = "N",
                   .text = "threads that move bytes (default: half the cores)",
                   .variable = "PILOTLIGHT_WORKERS"},
                  {.full = "--state-dir",
                   .value = "PATH",
                   .text = "where keys, pod logs and spooled bodies are",
                   .means = Means::folder,
                   .variable = "PILOTLIGHT_STATE_DIR"},
                  {.full = "--log-level",
                   .value = "LEVEL",
                   .text = "",
                   .means = Means::choice,
                   .choices = "trace debug info warn error off",
                   .variable = "PILOTLIGHT_LOG_LEVEL"},
                  {.full = "--access-log",
                   .value = "FILE",
                   .text = "a file, stdout or off",
                   .means = Means::file,
                   .variable = "PILOTLIGHT_ACCESS_LOG"}},
        .notes = R"(A flag wins over its environment variable, and that over the Gateway manifest.

SIGTERM and Ctrl-C finish what runs, then the pods; a second one stops at once. SIGHUP reads the files again: what is
wrong is refused and told, and the old configuration stays.
)"};
}

Command check() {
    return {.name = "check",
            .words = "-f PATH...",
            .summary = "say what is wrong with manifests, and what they would do",
            .about = R"(Says what is wrong with manifests, and what they would do. Nothing is started.)",
            .examples = R"(  # One file
  pilotlight check -f conf/knative-sd-demo.yaml

  # A Service and the Gateway that says how it runs here
  pilotlight check -f conf/knative-sd-demo.yaml -f conf/gateway-demo.yaml

  # All *.yaml and *.yml in a folder
  pilotlight check -f conf/

  # In a script: problems only
  pilotlight check -f conf/ >/dev/null || exit 1

  # In a program
  pilotlight check -f conf/ -o json | jq '.problems[].text'
)",
            .flags = {files,
                      {.full = "--explain-annotations",
                       .text = "print every annotation that is understood: meaning, default, what is valid"},
                      {.brief = 'o',
                       .full = "--output",
                       .value = "FORM",
                       .text = "for programs",
                       .means = Means::choice,
                       .choices = "json"}},
            .notes = R"(A problem is one line on stderr: file:line:column: what is wrong, what would be right.
Exit codes: 0 the manifests are right, 1 they are not, 2 wrong usage.
)"};
}

Command explain() {
    return {
        .name = "explain",
        .words = "METHOD URL",
        .summary = "say which service and class a request gets, and by which rule",
        .about = R"(Says where a request goes, what it costs a pod, and by which rule. Nothing is started.)",
        .examples = R"(  # Does a generation take a slot?
  pilotlight explain POST /sdapi/v1/txt2img

  # With manifests: which service has this host, and do its own rules say something else?
  pilotlight explain GET http://knative-sd-demo.default.example.com/internal/ping -f conf/knative-sd-demo.yaml

  # A page, as a browser asks for it
  pilotlight explain GET /my/page --accept text/html

  # The socket of ComfyUI
  pilotlight explain GET /ws --websocket

  # All rules of a profile, in the order in which they are tried; of a service, with its own before them
  pilotlight explain --list --profile comfyui
  pilotlight explain --list -f conf/
)",
        .flags = {files,
                  {.full = "--profile",
                   .value = "NAME",
                   .text = "without manifests (default: auto)",
                   .means = Means::choice,
                   .choices = "auto stable-diffusion comfyui gradio strict"},
                  {.full = "--accept", .value = "TYPE", .text = "the request's Accept field, as text/html"},
                  {.full = "--websocket",
                   .text = "it asks for a WebSocket, as does a URL that begins with ws:"},
                  {.full = "--bearer", .text = "it has an Authorization: Bearer"},
                  {.full = "--list", .text = "the rules as a table"},
                  {.full = "--words", .text = "what the words of a rule mean"},
                  {.brief = 'o',
                   .full = "--output",
                   .value = "FORM",
                   .text = "for programs",
                   .means = Means::choice,
                   .choices = "json"}},
        .means = {Means::choice, Means::anything},
        .choices = "GET HEAD POST PUT PATCH DELETE OPTIONS",
        .notes = "Exit codes: 0 answered, 1 wrong manifests or nobody's host, 2 wrong usage.\n"};
}

Command upgrade() {
    return {
        .name = "upgrade",
        .words = "[-f PATH... | --state-dir PATH]",
        .summary = "put a new binary in the place of a running gateway; nothing is dropped",
        .about =
            R"(Puts the binary that is now installed in the place of the gateway that runs, without dropping a request: the new
process takes the listening sockets, the connections and the pods, which keep their process ids; the old one finishes
what it has. If the new one cannot serve, the old one goes on, and this says why and exits with 1.)",
        .examples = "  pilotlight upgrade -f /etc/pilotlight\n",
        .flags = {files_or("PILOTLIGHT_FILENAME"),
                  {.full = "--state-dir",
                   .value = "PATH",
                   .text = "the gateway's state directory, where its manifests are not at hand",
                   .means = Means::folder,
                   .variable = "PILOTLIGHT_STATE_DIR"}},
        .notes =
            "The manifests are read to find the gateway's state directory, through which it is asked.\n"};
}

}  // namespace

std::vector<Command> of_manifests() {
    return {serve(), check(), explain(), upgrade()};
}

}  // namespace cli::table
