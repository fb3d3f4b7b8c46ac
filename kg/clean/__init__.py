"""From statements to a clean, ranked graph."""

from kg.clean.importance import page_rank as page_rank
from kg.clean.merge import merge as merge
from kg.clean.normalise import normalise as normalise
from kg.clean.options import CleanOptions as CleanOptions
from kg.clean.prune import prune as prune
from kg.clean.ranker import Ranker as Ranker
from kg.clean.ranker import train_ranker as train_ranker
from kg.clean.size import disk_bytes as disk_bytes
from kg.clean.size import parse_size as parse_size
from kg.clean.steps import Cleaned as Cleaned
from kg.clean.steps import Finished as Finished
from kg.clean.steps import clean as clean
from kg.clean.steps import finish as finish
from kg.clean.summary import rank_triples as rank_triples
from kg.clean.worth import triple_worth as triple_worth
