#!/bin/sh
# What every Plimsoll image has below its Python packages: an init process, OpenMP for users' libraries (LightGBM), the
# user, and the only folders that are writable. Runs as root in the base image.
set -eu
# First of all, while nothing of ours is here: the libraries that the base image itself leaves out.
mkdir -p /opt/plimsoll
python /opt/plimsoll/steps/libraries.py --record

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tini libgomp1
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/lib/dpkg/*-old /var/log/*

# The base's own (only those for 3.11 have any) are replaced by those of the lock; two versions of one package would lie
# in one folder.
pip uninstall --yes --quiet --quiet setuptools wheel

# The official image has no bytecode, and a container that cannot write would compile the standard library at every start.
python -m compileall -q -j 2 -x '/(site-packages|test|tests|ensurepip|idlelib|lib2to3|turtledemo)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

# A checkout may give its group the right to write, and the user of the image is in group 0.
chmod -R go-w /opt/plimsoll/steps

# Group 0 for the sake of clusters that run every container under a user id of their own, always with group 0.
echo 'plimsoll:x:10001:0:Plimsoll:/tmp:/usr/sbin/nologin' >> /etc/passwd
install -d /opt/plimsoll "$(PYTHONUSERBASE=/opt/plimsoll/user python -m site --user-site)"
install -d /var/azureml-app /var/cache/plimsoll
chown -R 10001:0 /var/azureml-app /var/cache/plimsoll /opt/plimsoll/user
chmod -R g+w /var/azureml-app /var/cache/plimsoll /opt/plimsoll/user
