"""A score.py that starts processes of every kind and says their pids; each would sleep for five minutes."""


def unmarked(source: str) -> str:
    """The same script, whose worker and all that it starts have taken their marks off."""
    assert "def init(): pass" in source
    off = "import resource; resource.setrlimit(resource.RLIMIT_RTTIME, (-1, -1))"
    return source.replace("def init(): pass", f"def init(): {off}")


KINDS = (
    "child",
    "group",
    "session",
    "daemon",
    "daemon without environment",
    "daemon deaf to signals",
    "stopped daemon",
    "executor",
)

SCRIPT = """
    import concurrent.futures, json, multiprocessing, os, signal, subprocess, sys, time

    def init(): pass

    def daemon(deaf=False, stopped=False, environment=None):
        ours, theirs = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork(): os._exit(0)
            os.write(theirs, str(os.getpid()).encode())
            os.closerange(0, 256)
            if deaf:
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
            if stopped: os.kill(os.getpid(), signal.SIGSTOP)
            os.chdir("/")
            os.execvpe("sleep", ["sleep", "300"], os.environ if environment is None else environment)
        os.wait()
        return int(os.read(ours, 16))

    def pool():
        global kept
        kept = concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork"))
        return kept.submit(os.getpid).result()

    STARTERS = {
        "child": lambda: subprocess.Popen(["sleep", "300"]).pid,
        "group": lambda: subprocess.Popen(["sleep", "300"], process_group=0).pid,
        "session": lambda: subprocess.Popen(["sleep", "300"], start_new_session=True).pid,
        "daemon": daemon,
        "daemon without environment": lambda: daemon(environment={}),
        "daemon deaf to signals": lambda: daemon(deaf=True),
        "stopped daemon": lambda: daemon(stopped=True),
        "executor": pool,
    }

    def run(data):
        order, *kinds = json.loads(data)
        if order == "exit": os._exit(5)
        if order == "hang": time.sleep(300)
        if order == "start slowly": time.sleep(0.5)
        if order == "segfault": os.kill(os.getpid(), signal.SIGSEGV)
        return {"worker": os.getpid(), "kin": {kind: STARTERS[kind]() for kind in kinds}}
"""
