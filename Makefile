# 云长 Yunzhang. `make` alone explains the targets.
# Whatever a target needs it installs itself: Debian packages (as root) and a virtual environment.

PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# The profile of the development clouds: real (guests boot) or fast (for tests).
PROFILE ?= real

.DEFAULT_GOAL := help
.PHONY: help demo test check serve bench clean lock schema revision setup system-packages \
        devcloud-up devcloud-down devcloud-shell drill

help: ## explain the targets 列出各目标
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## the main job, on two real OpenStacks 在两朵真实的云之间演示全流程（需 root）
	$(BIN)/python -m devcloud.demo

# Unit and API tests share nothing and take both cores; those of devcloud wait for services most of
# the time, so they run beside them. The others share clouds, ports and clocks.
test: setup system-packages check ## all tests: SQLite, PostgreSQL, clouds 全部测试
	$(BIN)/python -m pytest -n 3 --dist loadgroup tests/devcloud tests/unit tests/api $(PYTEST)
	$(BIN)/python -m pytest tests/integration tests/cloud $(PYTEST)

check: setup ## lint, types and the floors of the package 静态检查
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

serve: setup ## the HTTP API and the worker, on this machine only 启动接口服务
	$(BIN)/yunzhang serve

bench: setup ## measurements, e.g. make bench NAME=register 性能测量
	$(BIN)/python -m bench $(NAME) --json

drill: setup ## kill -9 the controller at every step of a run 断电演练（快速云）
	$(BIN)/python -m tests.cloud.drill

clean: ## remove what was built here (not the clouds: make devcloud-down) 清理
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	rm -rf var/demo var/yunzhang
	find . -name __pycache__ -type d -not -path './var/*' -exec rm -rf {} +

devcloud-up: ## start the two development clouds 启动两朵开发云（需 root）
	$(PYTHON) -m devcloud up --profile $(PROFILE)

devcloud-down: ## stop them and remove every trace 停止并清除开发云
	$(PYTHON) -m devcloud down --all --purge

devcloud-shell: ## a shell inside a cloud, CLOUD=legacy|gov 进入云内
	$(PYTHON) -m devcloud shell $(or $(CLOUD),legacy) --profile $(PROFILE)

setup: $(READY) ## make the virtual environment 建立虚拟环境

# venv is a package of its own on Debian; uv is only a faster pip and comes by hash like the rest.
$(READY): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
	    { apt-get update -q && apt-get install -y --no-install-recommends python3.11-venv; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --require-hashes -r devcloud/uv.lock
	$(BIN)/uv pip sync -q --compile-bytecode --python $(BIN)/python --require-hashes requirements-dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $(READY)

# What tests without clouds use of Debian: PostgreSQL (a server of their own, on a unix socket), virsh
# with its test driver, disk images, nginx. A test that misses one would be skipped, which fails in CI.
system-packages:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
	    && command -v virsh >/dev/null && command -v qemu-img >/dev/null \
	    && test -x /usr/sbin/nginx && command -v openssl >/dev/null \
	    || tools/install-packages postgresql libvirt-clients qemu-utils nginx-light openssl

lock: ## write the lock files anew, without any registry in them 重新锁定依赖
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate --extra dev pyproject.toml -o requirements-dev.lock

schema: setup ## write the JSON schema of plan documents anew 生成计划文档模式
	$(BIN)/python -m yunzhang.plans.schema > migrations_plans/schema/plan.json

revision: setup ## write a database revision, NAME=0002_what 生成数据库修订
	$(BIN)/python -m yunzhang.db.migration $(NAME)
