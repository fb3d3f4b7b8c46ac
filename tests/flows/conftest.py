from tests.builds import built as built
from tests.builds import config as config
from tests.builds import copied as copied
from tests.builds import run as run
