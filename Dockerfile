# One image for every process of Headgate; compose.yaml says which command each service runs.
#
# Everything that is installed stands in requirements.lock with its hash. The lock is one for all uses, so what builds
# and tests the project comes along.

FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /opt/headgate
ENV PATH=/opt/headgate/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# Before the sources, so that a change of ours does not install everything anew.
COPY requirements.lock .
RUN pip install --no-deps --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY producers producers
COPY shared shared
COPY workers workers
RUN pip install --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/headgate --create-home headgate
COPY --from=build /opt/headgate /opt/headgate
ENV PATH=/opt/headgate/bin:$PATH PYTHONUNBUFFERED=1
USER headgate
WORKDIR /var/lib/headgate
CMD ["headgate", "--help"]
